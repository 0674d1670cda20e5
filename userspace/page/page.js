(function () {
'use strict';

const find = selector => document.querySelector(selector);
const all = selector => Array.from(document.querySelectorAll(selector));

/* --- the table: sorting, filtering, opening --- */

function sortable(table) {
	const bodies = Array.from(table.tBodies);
	const heads = Array.from(table.tHead.rows[0].cells);
	const collator = new Intl.Collator('en', { numeric: true });

	function key(body, column) {
		const cell = body.rows[0].cells[column];
		return cell.dataset.key === undefined ? cell.textContent.trim() : Number(cell.dataset.key);
	}

	function compare(a, b) {
		return typeof a === 'number' ? a - b : collator.compare(a, b);
	}

	/* Ascending, descending, and as the report was written. */
	function sort(head, column) {
		const next = { ascending: 'descending', descending: null }[head.getAttribute('aria-sort')];
		const order = next === undefined ? 'ascending' : next;
		const sign = order === 'descending' ? -1 : 1;

		heads.forEach(each => each.removeAttribute('aria-sort'));
		if (order)
			head.setAttribute('aria-sort', order);
		const sorted = order ? bodies.slice().sort((a, b) =>
			sign * compare(key(a, column), key(b, column))) : bodies;
		table.append(...sorted);
	}

	heads.forEach((head, column) => {
		const button = document.createElement('button');
		button.type = 'button';
		button.textContent = head.textContent;
		button.addEventListener('click', () => sort(head, column));
		head.replaceChildren(button);
	});
	return bodies;
}

function filterable(bodies) {
	const text = find('#find'), kind = find('#kind'), verdict = find('#verdict');
	const words = bodies.map(body => body.textContent.toLowerCase());

	function filter() {
		const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
		let shown = 0;

		bodies.forEach((body, i) => {
			body.hidden = !wanted.every(word => words[i].includes(word)) ||
				(kind.value && body.dataset.kind !== kind.value) ||
				(verdict.value && body.dataset.verdict !== verdict.value);
			shown += !body.hidden;
		});
		find('#matches').textContent = shown === bodies.length ? `${shown} dependencies` :
			`${shown} of ${bodies.length} dependencies`;
	}

	[text, kind, verdict].forEach(control => control.addEventListener('input', filter));
	filter();
	return function clear() {
		text.value = kind.value = verdict.value = '';
		filter();
	};
}

function openable(bodies, clear) {
	const details = bodies.map(body => body.querySelector('details'));
	const button = find('#open-all');
	let closed = [];

	button.addEventListener('click', () => {
		const open = button.getAttribute('aria-pressed') !== 'true';
		button.setAttribute('aria-pressed', open);
		details.forEach(each => { each.open = open; });
	});
	addEventListener('beforeprint', () => {
		closed = details.filter(each => !each.open);
		closed.forEach(each => { each.open = true; });
	});
	addEventListener('afterprint', () => closed.forEach(each => { each.open = false; }));

	/* A line of the graph leads to its row. */
	const graph = find('.graph');
	if (!graph)
		return;
	graph.classList.add('clickable');
	graph.addEventListener('click', event => {
		const edge = event.target.closest('[data-dependency]');
		const body = edge && document.getElementById('d' + edge.dataset.dependency);
		if (!body)
			return;
		if (body.hidden)
			clear();
		const each = body.querySelector('details');
		each.open = true;
		each.querySelector('summary').focus({ preventScroll: true });
		body.scrollIntoView({ block: 'center' });
	});
}

/* --- the timeline: zooming --- */

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat(
	[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400]
		.map(seconds => seconds * 1000));

/* As exact as it need be, where one step is that long. */
function clock(ms, step) {
	const seconds = Math.round(ms / 1000), two = n => String(n).padStart(2, '0');

	if (step < 1000 && ms < 1000)
		return `${Math.round(ms)} ms`;
	if (step < 1000)
		return ms < 60000 ? `${Number((ms / 1000).toFixed(3))} s` :
			`${Math.floor(ms / 60000)}:${two(Math.floor(ms / 1000) % 60)}${(ms % 1000 / 1000).toFixed(3).slice(1)}`;
	if (seconds < 60)
		return `${seconds} s`;
	if (seconds < 3600)
		return `${Math.floor(seconds / 60)}${seconds % 60 ? ':' + two(seconds % 60) : ''} min`;
	return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}` +
		(step < 60000 ? `:${two(seconds % 60)}` : ' h');
}

/* As the report's other spans are written. */
function span(ms) {
	const seconds = Math.round(ms / 1000), minutes = Math.floor(seconds / 60);

	if (ms < 1000)
		return `${Math.round(ms)} ms`;
	if (seconds < 60)
		return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
	return seconds < 3600 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function svg(name, attributes) {
	const element = document.createElementNS('http://www.w3.org/2000/svg', name);
	for (const key in attributes)
		element.setAttribute(key, attributes[key]);
	return element;
}

function zoomable(lanes) {
	const table = lanes.querySelector('table'), axis = lanes.querySelector('.axis');
	const grid = axis.querySelector('#grid'), ticks = axis.querySelector('#ticks');
	const duration = Number(table.dataset.duration), slider = find('#zoom');
	const MAX = Math.min(256, Math.max(4, duration / 50));
	let zoom = 1, waiting = false;

	function place() {
		const outer = lanes.getBoundingClientRect(), inner = axis.getBoundingClientRect();
		const who = table.rows[0].cells[0].offsetWidth;
		return { left: outer.left + who, right: outer.left + lanes.clientWidth, start: inner.left, width: inner.width };
	}

	/* Only for what can be seen, and a little more. */
	function draw() {
		const at = place();
		const time = x => Math.min(duration, Math.max(0, (x - at.start) / at.width * duration));
		const from = time(at.left), to = time(at.right);
		const step = STEPS.find(each => each / duration * at.width >= 84) ||
			Math.ceil(84 / at.width * duration / 86400000) * 86400000;

		waiting = false;
		grid.replaceChildren();
		ticks.replaceChildren();
		for (let t = Math.max(0, Math.floor(from / step) - 1) * step; t <= Math.min(duration, to + step); t += step) {
			const x = `${t / duration * 100}%`;
			const label = svg('text', { x, dx: 4, y: 14 });
			label.textContent = clock(t, step);
			grid.append(svg('line', { x1: x, x2: x, y1: 0, y2: '100%' }));
			if (at.start + t / duration * at.width < at.start + at.width - 48)
				ticks.append(label);
		}
		find('#shown').textContent = zoom === 1 ? `${span(duration)} in all` :
			`${clock(from, step / 10)} to ${clock(to, step / 10)} of ${span(duration)}`;
	}

	function drawSoon() {
		if (!waiting)
			requestAnimationFrame(draw);
		waiting = true;
	}

	/* What is at the place x of the window stays there. */
	function zoomTo(wanted, x) {
		const before = place(), fixed = x === undefined ? (before.left + before.right) / 2 : x;
		const share = (fixed - before.start) / before.width;

		zoom = Math.min(MAX, Math.max(1, wanted));
		table.style.setProperty('--zoom', zoom);
		const after = place();
		lanes.scrollLeft += after.start + share * after.width - fixed;
		slider.value = Math.log(zoom) / Math.log(MAX) * 100;
		draw();
	}

	const keys = { '+': 1.5, '=': 1.5, '-': 1 / 1.5, '_': 1 / 1.5, '0': 0 };
	lanes.addEventListener('keydown', event => {
		if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey)
			return;
		event.preventDefault();
		zoomTo(zoom * keys[event.key]);
	});
	lanes.addEventListener('wheel', event => {
		if (!event.ctrlKey)
			return;
		event.preventDefault();
		zoomTo(zoom * Math.exp(-event.deltaY / 200), event.clientX);
	}, { passive: false });
	find('#zoom-in').addEventListener('click', () => zoomTo(zoom * 1.5));
	find('#zoom-out').addEventListener('click', () => zoomTo(zoom / 1.5));
	find('#zoom-all').addEventListener('click', () => zoomTo(1));
	slider.addEventListener('input', () => zoomTo(Math.pow(MAX, slider.value / 100)));
	find('#reaching').addEventListener('change', event =>
		lanes.classList.toggle('reaching', event.target.checked));
	lanes.addEventListener('scroll', drawSoon);
	addEventListener('resize', drawSoon);
	addEventListener('beforeprint', () => zoomTo(1));
	draggable(lanes);
	draw();
}

/* The mouse moves the time; a finger does so anyway. */
function draggable(lanes) {
	let at = null;

	lanes.addEventListener('pointerdown', event => {
		if (event.pointerType !== 'mouse' || event.button || !event.target.closest('td') ||
		    lanes.scrollWidth <= lanes.clientWidth)
			return;
		at = event.clientX;
		lanes.setPointerCapture(event.pointerId);
		lanes.classList.add('dragging');
	});
	lanes.addEventListener('pointermove', event => {
		if (at === null)
			return;
		lanes.scrollLeft -= event.clientX - at;
		at = event.clientX;
	});
	['pointerup', 'pointercancel'].forEach(name => lanes.addEventListener(name, () => {
		at = null;
		lanes.classList.remove('dragging');
	}));
}

all('.controls').forEach(controls => { controls.hidden = false; });
const table = find('.dependencies');
if (table) {
	const bodies = sortable(table);
	openable(bodies, filterable(bodies));
}
const lanes = find('.lanes');
if (lanes && lanes.querySelector('.axis'))
	zoomable(lanes);
})();
