#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# selftests/vm.sh [SERIES|FILE]: tests vm/run itself, on the kernel named (default 6.12). A test of
# ringfence in a guest means something only if vm/run cannot call a failure a success: it must
# pass on status and output exactly, and take nothing but the guest's word for an answer.
#
# Each case is one function. It passes when it returns 0; `skip` ends it as skipped. CASES="NAME..."
# runs only these functions.
#
# shellcheck disable=SC2016,SC1003 # much of the text here is for the guest's shell

set -u
house=$(dirname "$(dirname "$(realpath "$0")")")
kernel=${1:-6.12}
SKIPPED=77

passed=0
failed=0
skipped=0
status=

# Runs vm/run; leaves status, and its output in the files out and err.
vm() # ARGUMENT...
{
	status=0
	"$house/vm/run" --kernel "$kernel" "$@" >out 2>err || status=$?
}

skip() # WHY
{
	echo "# $*"
	exit $SKIPPED
}

# ---- how the command ended

test_status_is_passed_on()
{
	vm -- sh -c 'exit 7'
	[ $status = 7 ] || return
	vm -- true
	[ $status = 0 ]
}

test_signal_is_128_and_its_number()
{
	vm -- bash -c 'kill -TERM $$'
	[ $status = 143 ]
}

# A shell that starts a command in the background makes it ignore SIGINT.
test_sigint_is_not_ignored()
{
	vm -- bash -c 'kill -INT $$; exit 9'
	[ $status = 130 ]
}

test_missing_command_is_127()
{
	vm -- no-such-command
	[ $status = 127 ] && grep -q no-such-command err
}

test_file_that_is_no_program_is_126()
{
	vm -- /etc/passwd
	[ $status = 126 ]
}

test_time_out_is_124_and_keeps_the_output()
{
	vm --timeout 12 -- bash -c 'echo before; echo also >&2; sleep 1000'
	[ $status = 124 ] && [ "$(cat out)" = before ] &&
		[ "$(cat err)" = $'also\nvm/run: timed out after 12 s' ]
}

test_powered_off_guest_is_125()
{
	vm -- bash -c 'echo before; poweroff -f'
	[ $status = 125 ] && grep -q 'died without a verdict' err && ! grep -q 'once more' err
}

test_crashed_kernel_is_125()
{
	vm -- bash -c 'echo c >/proc/sysrq-trigger'
	[ $status = 125 ] && grep -q 'died without a verdict' err && grep -q 'Kernel panic' err
}

test_lost_output_is_125()
{
	# The copiers are the children of the first process that are called cat.
	vm -- bash -c 'for p in $(pidof cat); do kill -9 $p; done; sleep 1'
	[ $status = 125 ]
}

test_death_before_the_command_is_tried_twice()
{
	vm --append rdinit=/no-such-init -- true
	[ $status = 125 ] && [ "$(grep -c 'once more' err)" = 1 ] && grep -q 'died twice' err
}

test_process_left_behind_does_not_hold_the_guest()
{
	vm --timeout 60 -- bash -c 'sleep 1000 & echo started; exit 5'
	[ $status = 5 ] && [ "$(cat out)" = started ]
}

# ---- what it printed

test_stdout_and_stderr_are_separate()
{
	vm -- bash -c 'echo one; echo two >&2; echo three'
	[ $status = 0 ] && [ "$(cat out)" = $'one\nthree' ] && [ "$(cat err)" = two ]
}

test_output_is_byte_exact()
{
	# Every byte value, in every neighbourhood, and no newline at the end.
	head -c 1000003 /dev/urandom >bytes
	vm --copy bytes -- bash -c 'cat bytes & cat bytes >&2; wait'
	[ $status = 0 ] && cmp bytes out && cmp bytes err
}

test_ten_megabytes_arrive()
{
	vm --timeout 300 -- bash -c 'yes 0123456 | head -c 10000000'
	[ $status = 0 ] && yes 0123456 | head -c 10000000 | cmp - out
}

test_slow_reader_gets_everything()
{
	local count

	count=$("$house/vm/run" --kernel "$kernel" -- bash -c 'yes | head -c 400000' 2>err |
		{ sleep 8; wc -c; })
	[ "$count" = 400000 ]
}

test_output_comes_as_it_is_printed()
{
	local line

	mkfifo stream
	"$house/vm/run" --kernel "$kernel" --timeout 60 -- bash -c 'echo early; sleep 1000' \
		>stream 2>err &
	if ! read -r -t 40 line <stream || [ "$line" != early ]; then
		kill $!
		return 1
	fi
	kill $!
}

test_output_is_not_a_terminal()
{
	vm -- bash -c '[ ! -t 0 ] && [ ! -t 1 ] && [ ! -t 2 ]'
	[ $status = 0 ]
}

test_verbose_shows_the_console()
{
	vm -v -- echo only
	[ $status = 0 ] && [ "$(cat out)" = only ] && grep -q 'Linux version' err
}

# ---- what is in the guest

# Writes the script that judges a guest; what is on standard input is added for this kind of guest.
promise() # FILE
{
	cat >"$1"
	cat >>"$1" <<-'SCRIPT'
		[ "$(pwd)" = /work ]
		[ "$HOME $TERM $(id -u)" = "/root vt52 0" ]
		[ -z "$(cat)" ]
		[ "$(command -v ringfence)" = /usr/sbin/ringfence ]
		[ "$(ulimit -l)" = unlimited ]
		while read -r kind where; do
			[ "$(awk -v m="$where" '$2 == m { print $3 }' /proc/mounts)" = "$kind" ]
		done <<-MOUNTS
			proc /proc
			sysfs /sys
			devtmpfs /dev
			devpts /dev/pts
			tmpfs /run
			bpf /sys/fs/bpf
			securityfs /sys/kernel/security
			cgroup2 /sys/fs/cgroup
			tracefs /sys/kernel/tracing
		MOUNTS
		[ "$(stat -c %a / /tmp /work /root | tr '\n' ' ')" = "755 1777 755 700 " ]
		[ "$(id -u deploy) $(id -g deploy)" = "1000 1000" ]
		[ "$(hostname)" = guest ]
		grep -q bpf /sys/kernel/security/lsm
		[ -e /sys/kernel/btf/vmlinux ]
	SCRIPT
}

test_guest_is_as_promised()
{
	promise promised <<-'SCRIPT'
		[ "$(readlink -f /bin/sh)" = /usr/bin/busybox ]
		ping -c 1 127.0.0.1 >/dev/null
		ping6 -c 1 ::1 >/dev/null
	SCRIPT
	TERM=vt52 vm --copy promised -- bash -eux promised
	[ $status = 0 ]
}

# All that is to be said of the debian guest in one boot.
test_debian_guest_is_as_promised()
{
	local modules=()

	promise promised <<-'SCRIPT'
		[ "$(cat /proc/1/comm)" = systemd ]
		[ "$(systemctl is-system-running)" = running ]
		[ -z "$(systemctl list-units --failed --no-legend)" ]
		[ "$(systemctl get-default)" = multi-user.target ]
		systemctl is-active -q default.target
		[ -z "$(systemctl list-jobs --no-legend)" ]
		ip -o addr show dev lo up | grep -q 'inet 127.0.0.1/8'
		ip -o addr show dev lo up | grep -q 'inet6 ::1/128'
		[ "$(cat /tmp/tree/link /bin/renamed)" = $'deep\ndeep' ]
		[ "$(stat -c '%U' /home/deploy /home/deploy/file)" = $'deploy\nroot' ]
		[ "$(type -P gcc make apt-get dpkg-deb dpkg-scanpackages | wc -l)" = 5 ]
		[ -z "$(cat /etc/apt/sources.list)" ]
		ringfence doctor
	SCRIPT
	mkdir -p tree/inner
	echo deep >tree/inner/file
	ln -s inner/file tree/link
	if [[ $kernel != */* ]]; then
		modules=(--module overlay --module nft-chain-nat)
		echo 'grep "^overlay " /proc/modules; grep "^nft_chain_nat " /proc/modules' >>promised
	fi
	# Two processes that are left behind hold the pipes, one of them in another service.
	TERM=vt52 vm --guest debian "${modules[@]}" --copy promised --copy tree:/tmp/tree \
		--copy tree/link:/bin/renamed --copy tree/inner/file:/home/deploy/file -- bash -c '
			bash -eux promised >told 2>&1 || cat told >&2
			sleep 1000 & systemd-run -q --pipe sleep 1000 &
			echo one; echo two >&2; echo three; exit 7'
	# On standard error there may be word of what was fetched and built before.
	[ $status = 7 ] && [ "$(cat out)" = $'one\nthree' ] && [ "$(grep -v '^vm/' err)" = two ]
}

test_root_can_be_pivoted()
{
	vm -- unshare -m sh -c '
		mount -t tmpfs tmpfs /mnt && mkdir /mnt/old && cd /mnt && pivot_root . old'
	[ $status = 0 ]
}

test_copy()
{
	mkdir -p tree/inner "odd name"
	echo deep >tree/inner/file
	ln -s inner/file tree/link
	echo odd >"odd name/a:b"
	echo plain >plain
	chmod 640 plain
	vm --copy tree --copy plain:/bin/tool/renamed --copy "odd name/a:b" --copy tree:/etc/tree \
		-- bash -c 'cat tree/link /bin/tool/renamed a:b /etc/tree/inner/file
			stat -c "%a %u" /usr/bin/tool/renamed; ls -d /bin/sh /etc/passwd'
	[ $status = 0 ] &&
		[ "$(tr '\n' ' ' <out)" = 'deep plain odd deep 640 0 /bin/sh /etc/passwd ' ]
}

# A file that is put into a folder leaves the folder as it was.
test_copy_keeps_folders()
{
	echo plain >plain
	vm --copy plain:/tmp/plain --copy plain:/root/plain -- \
		bash -c 'cat /tmp/plain /root/plain; stat -c %a /tmp /root'
	[ $status = 0 ] && [ "$(tr '\n' ' ' <out)" = 'plain plain 1777 700 ' ]
}

test_program_with_libraries()
{
	# GNU's, not that of busybox under the same name; and one that is a link to a link.
	vm --program sha256sum --program awk -- bash -c 'sha256sum --version | head -n 1
		awk "BEGIN { print 6 * 7 }"'
	[ $status = 0 ] && grep -q GNU out && grep -qx 42 out
}

test_program_that_is_a_script()
{
	printf '#!/usr/bin/env bash\necho "from $0"\n' >script
	chmod +x script
	vm --program ./script -- "$PWD/script"
	[ $status = 0 ] && [ "$(cat out)" = "from $PWD/script" ]
}

test_git_over_http()
{
	local part

	for part in git curl; do
		type -P $part >/dev/null || skip "no $part on this machine"
	done
	git init -q source
	git -C source -c user.name=n -c user.email=e commit -q --allow-empty -m one
	git -C source update-server-info
	vm --program git --program curl --copy source/.git:/srv/source -- bash -c '
		httpd -p 127.0.0.1:80 -h /srv
		curl -s http://localhost/source/HEAD && git clone -q http://localhost/source copy &&
			git -C copy log --format=%s &&
			git ls-remote -q http://localhost/source HEAD'
	[ $status = 0 ] && grep -qx one out && grep -q HEAD out
}

# Only of a kernel that is named by its series is it known where its modules are.
need_series()
{
	[[ $kernel != */* ]] || skip "no modules for the file $kernel"
}

# One has a dash in its name and needs others, which nobody asked for; one is built in.
test_modules_are_loaded()
{
	need_series
	vm --module dummy --module overlay --module nft-chain-nat --module ext4 -- bash -c '
		for name in dummy overlay nft_chain_nat nf_tables nf_nat; do
			grep "^$name " /proc/modules || exit
		done
		grep ext4 /proc/filesystems'
	[ $status = 0 ]
}

test_module_that_does_not_load_is_125()
{
	need_series
	# What a guest without virtualisation of its own cannot have.
	vm --module kvm-intel -- echo never
	[ $status = 125 ] && [ ! -s out ] && grep -q '^vm/run: insmod: .*kvm-intel.ko' err &&
		! grep -q 'once more' err
}

test_module_can_be_asked_for()
{
	local name expected

	need_series
	while read -r name expected; do
		status=0
		"$house/vm/kernel" --has-module "$kernel" "$name" >out 2>err || status=$?
		[ "$status" = "$expected" ] && [ ! -s out ] || return
	done <<-NAMES
		nf_tables 0
		nf-tables 0
		ext4 0
		nf 1
		no-such 1
	NAMES
	status=0
	"$house/vm/kernel" --has-module newest dummy 2>err || status=$?
	[ $status = 2 ]
}

test_append()
{
	vm --append 'lsm=landlock,yama one.two="a b"' --append three -- \
		cat /proc/cmdline /sys/kernel/security/lsm
	[ $status = 0 ] && grep -q 'lsm=landlock,yama one.two="a b" three$' out &&
		[[ $(tail -n 1 out) != *bpf* ]]
}

test_memory_and_cpus()
{
	vm --memory 700 --cpus 1 -- awk '/^processor/ { n++ }
		/^MemTotal/ { small = $2 < 700 * 1024 }
		END { print n, small }' /proc/cpuinfo /proc/meminfo
	[ $status = 0 ] && [ "$(cat out)" = '1 1' ]
}

test_arguments_arrive_as_they_are()
{
	local words=('' ' two  spaces ' $'line\nbreak\n' "it's" '"quoted"' '$HOME `id` \n \\'
		'*' '--' '-v' $'\xff\x01\t')

	vm -- bash -c 'printf "%s\0" "$@"' name "${words[@]}"
	[ $status = 0 ] && printf '%s\0' "${words[@]}" | cmp - out
}

# ---- vm/run itself

refused() # MESSAGE ARGUMENT...
{
	local message=$1

	shift
	vm "$@"
	[ $status = 125 ] && grep -q -- "$message" err && return
	echo "# not refused: $*"
	return 1
}

test_bad_requests_are_refused()
{
	truncate -s 350M huge
	refused 'unknown option --nonsense' --nonsense -- true &&
		refused 'no COMMAND' &&
		refused 'no COMMAND' -- &&
		refused 'needs a value' --copy &&
		refused 'no file or folder /no/such' --copy /no/such -- true &&
		refused 'must be an absolute path' --copy /etc/passwd:here -- true &&
		refused 'mounts over it' --copy /etc/passwd:/proc/x -- true &&
		refused 'is a folder in the guest' --copy /etc/passwd:/tmp/ -- true &&
		refused 'use --memory 1' --copy huge -- true &&
		refused 'no program no-such' --program no-such -- true &&
		refused 'positive number' --timeout soon -- true &&
		refused 'positive number' --memory 0 -- true &&
		refused 'unknown guest' --guest other -- true &&
		refused 'cannot read' --kernel /no/such -- true &&
		refused 'not a bzImage' --kernel /etc/passwd -- true &&
		refused 'vm/kernel: usage' --kernel newest -- true &&
		refused 'name a series' --kernel /no/such --module dummy -- true &&
		refused 'the kernel 6\.12\..* has no module no-such' --kernel 6.12 \
			--module no-such -- true
}

test_help()
{
	vm --help
	[ $status = 0 ] && grep -q '^usage: vm/run' out && [ ! -s err ]
}

# Sends a signal to a run in the middle; afterwards no process and no file of it may be left.
interrupted_by() # SIGNAL STATUS
{
	local run temporary=$PWD/temporary.$1 marker=ended-by-$1

	mkdir "$temporary"
	# A shell's child in the background ignores SIGINT for good; env undoes that.
	TMPDIR=$temporary env --default-signal=INT "$house/vm/run" --kernel "$kernel" \
		--append "$marker" -- bash -c 'echo up; sleep 1000' >up 2>err &
	run=$!
	until grep -q up up; do
		kill -0 $run || return
		sleep 0.1
	done
	kill "-$1" $run
	status=0
	wait $run || status=$?
	# qemu's command line holds the marker; the brackets keep grep's own from doing so.
	[ "$status" = "$2" ] && [ -z "$(ls "$temporary")" ] &&
		! grep -aqs "[${marker:0:1}]${marker:1}" /proc/[0-9]*/cmdline
}

test_sigterm_leaves_nothing_behind()
{
	interrupted_by TERM 143
}

test_sigint_leaves_nothing_behind()
{
	interrupted_by INT 130
}

test_runs_at_the_same_time()
{
	local n pids=()

	for n in 1 2 3; do
		"$house/vm/run" --kernel "$kernel" -- sh -c "echo $n; exit $n" >"out$n" 2>"err$n" &
		pids+=($!)
	done
	for n in 1 2 3; do
		status=0
		wait "${pids[n - 1]}" || status=$?
		[ $status = $n ] && [ "$(cat "out$n")" = $n ] || return
	done
}

test_every_series_boots()
{
	local series

	for series in 6.1 6.12 7.3; do
		"$house/vm/run" --kernel $series -- sh -c 'uname -r; cat /sys/kernel/security/lsm' \
			>out 2>err && [[ $(head -n 1 out) = $series.* ]] && grep -q bpf out ||
			return
	done
}

# ---- one after the other, each in a folder of its own

run_case() # FUNCTION
{
	local name=${1#test_} folder=$work/$1 result=0

	name=${name//_/ }
	mkdir "$folder"
	(cd "$folder" && "$1") >"$folder/notes" 2>&1 || result=$?
	case $result in
	0)
		echo "ok $name"
		passed=$((passed + 1))
		;;
	"$SKIPPED")
		echo "ok $name # SKIP $(sed 's/^# //' "$folder/notes")"
		skipped=$((skipped + 1))
		;;
	*)
		echo "not ok $name"
		tail -n 20 "$folder/notes" "$folder/err" 2>/dev/null | sed 's/^/    /'
		failed=$((failed + 1))
		;;
	esac
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for case in ${CASES:-$(compgen -A function test_)}; do
	run_case "$case"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
