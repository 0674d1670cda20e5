#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# selftests/vm.sh [SERIES|FILE]: tests vm/run itself, on the kernel named (default 6.12). A test of
# ringfence in a guest means something only if vm/run cannot call a failure a success: it must
# pass on status and output exactly, and take nothing but the guest's word for an answer.
#
# Each case is one function. It passes when it returns 0; `skip` ends it as skipped. CASES="NAME..."
# runs only these functions; CASES=quick all but those of RARE, which have boots of their own for what
# hardly ever changes.
#
# A boot takes seconds of CPU time: cases that can do with the same guest share one (`shared`), and
# each looks at its own part of what came of it (`said`).
#
# shellcheck disable=SC2016,SC1003 # much of the text here is for the guest's shell

set -u
house=$(dirname "$(dirname "$(realpath "$0")")")
kernel=${1:-6.12}
SKIPPED=77

RARE=(test_sigterm_leaves_nothing_behind test_sigint_leaves_nothing_behind test_runs_at_the_same_time
	test_every_series_boots test_git_over_http test_module_can_be_asked_for test_module_that_does_not_load_is_125
	test_signal_is_128_and_its_number test_missing_command_is_127 test_file_that_is_no_program_is_126
	test_lost_output_is_125 test_death_before_the_command_is_tried_twice test_ten_megabytes_arrive
	test_slow_reader_gets_everything test_output_comes_as_it_is_printed test_verbose_shows_the_console
	test_append test_memory_and_cpus test_debian_guest_is_as_promised)

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

# Sets status as FUNCTION does, which runs a guest, and brings the files that it writes. It is called
# once, for the first case that asks.
shared() # FUNCTION
{
	local folder=$work/$1

	if [ ! -d "$folder" ]; then
		mkdir "$folder"
		(cd "$folder" && "$1"; echo "$status" >status)
	fi
	cp -a "$folder/." .
	status=$(<status)
}

# Prints a script for the guest's bash that calls these functions of this file, each with all
# arguments of the script.
calls() # FUNCTION...
{
	declare -f "$@"
	printf 'for f in %s; do echo "== $f"; if ("$f" "$@"); then echo "== done"; fi; done' "$*"
}

# Prints what a function called in the guest has printed. Fails, and prints nothing, if that failed
# or the run did not end well.
said() # FUNCTION
{
	[ "$status" = 0 ] && awk -v begin="== $1" '
		/^== / {
			if (inside && $2 == "done") {
				done = 1
				printf "%s", text
			}
			inside = $0 == begin
			next
		}
		inside { text = text $0 "\n" }
		END { exit !done }' out
}

skip() # WHY
{
	echo "# $*"
	exit $SKIPPED
}

# ---- how the command ended

ended_with_7()
{
	vm -- bash -c 'sleep 1000 & echo one; echo two >&2; echo three; exit 7'
}

test_status_is_passed_on()
{
	shared ended_with_7
	[ "$status" = 7 ] || return
	shared plain_guest
	[ "$status" = 0 ]
}

test_process_left_behind_does_not_hold_the_guest()
{
	shared ended_with_7
	[ "$status" = 7 ] && [ "$(cat out)" = $'one\nthree' ]
}

test_signal_is_128_and_its_number()
{
	vm -- bash -c 'kill -TERM $$'
	[ $status = 143 ]
}

# A shell that starts a command in the background makes it ignore SIGINT, and all that it starts.
guest_sigint()
{
	bash -c 'kill -INT $$; exit 9'
	[ $? = 130 ]
}

test_sigint_is_not_ignored()
{
	shared plain_guest
	said guest_sigint
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

# Long enough for a boot on a busy machine; the guest idles for the rest.
test_time_out_is_124_and_keeps_the_output()
{
	vm --timeout 40 -- bash -c 'echo before; echo also >&2; sleep 1000'
	[ $status = 124 ] && [ "$(cat out)" = before ] &&
		[ "$(cat err)" = $'also\nvm/run: timed out after 40 s' ]
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

# By a kernel that resets the machine at once: its entry, at 0x200, is a jump over the header.
test_death_before_the_command_is_tried_twice()
{
	local code

	cat "$("$house/vm/kernel" 6.12)" >dead || return
	code=$((0x202 + $(od -An -t u1 -j $((0x201)) -N 1 dead)))
	# mov $0xfe,%al; out %al,$0x64; hlt
	printf '\xb0\xfe\xe6\x64\xf4' | dd of=dead bs=1 seek=$code conv=notrunc status=none
	vm --kernel ./dead -- true
	[ $status = 125 ] && [ "$(grep -c 'once more' err)" = 1 ] && grep -q 'died twice' err
}

# ---- what it printed

test_stdout_and_stderr_are_separate()
{
	shared ended_with_7
	[ "$(cat out)" = $'one\nthree' ] && [ "$(cat err)" = two ]
}

# Ten million bytes, the last of them every value in every neighbourhood, with no newline at the end.
# The reader stops twice: while there is much to come, and while the guest ends.
much_output()
{
	head -c 1000003 /dev/urandom >bytes
	"$house/vm/run" --kernel "$kernel" --timeout 300 --copy bytes -- bash -c '
		yes 0123456 | head -c 8999997
		cat bytes & cat bytes >&2; wait' 2>err |
		{
			head -c 400000
			sleep 5
			head -c 9500000
			sleep 5
			cat
		} >out
	status=${PIPESTATUS[0]}
}

test_output_is_byte_exact()
{
	shared much_output
	[ "$status" = 0 ] && tail -c 1000003 out | cmp - bytes && cmp bytes err
}

test_ten_megabytes_arrive()
{
	shared much_output
	[ "$status" = 0 ] && { yes 0123456 | head -c 8999997; cat bytes; } | cmp - out
}

test_slow_reader_gets_everything()
{
	shared much_output
	[ "$(wc -c <out)" = 10000000 ]
}

# The signal was not sent before this could be read.
test_output_comes_as_it_is_printed()
{
	shared terminated
	[ "$status" = 143 ] && [ "$(cat out)" = up ]
}

guest_no_terminal()
{
	[ ! -t 0 ] && [ ! -t 1 ] && [ ! -t 2 ]
}

test_output_is_not_a_terminal()
{
	shared plain_guest
	said guest_no_terminal
}

test_verbose_shows_the_console()
{
	shared guest_with_options
	grep -q 'Linux version' err && ! grep -q 'Linux version' out && said guest_machine
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

# What is seen without options: the script is all that is put into it.
plain_guest()
{
	promise promised <<-'SCRIPT'
		[ "$(readlink -f /bin/sh)" = /usr/bin/busybox ]
		ping -c 1 127.0.0.1 >/dev/null
		ping6 -c 1 ::1 >/dev/null
	SCRIPT
	TERM=vt52 vm --copy promised -- bash -c "$(calls guest_promised guest_no_terminal guest_sigint \
		guest_pivot guest_arguments)" vm "${words[@]}"
}

guest_promised()
{
	bash -eux promised
}

test_guest_is_as_promised()
{
	shared plain_guest
	said guest_promised
}

guest_pivot()
{
	unshare -m sh -c 'mount -t tmpfs tmpfs /mnt && mkdir /mnt/old && cd /mnt && pivot_root . old'
}

test_root_can_be_pivoted()
{
	shared plain_guest
	said guest_pivot
}

words=('' ' two  spaces ' $'line\nbreak\n' "it's" '"quoted"' '$HOME `id` \n \\' '*' '--' '-v'
	$'\xff\x01\t')

guest_arguments()
{
	printf '%s\0' "$@" | base64
}

test_arguments_arrive_as_they_are()
{
	shared plain_guest
	[ "$(said guest_arguments)" = "$(printf '%s\0' "${words[@]}" | base64)" ]
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
		[ "$(type -P git curl python3 ssh grub-mkconfig mkfs.ext4 | wc -l)" = 6 ]
		[ "$(systemctl is-active auditd apparmor cron ssh | sort -u)" = active ]
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

# As many options as go together.
guest_with_options()
{
	local parts=(guest_machine guest_append guest_copy guest_folders guest_programs guest_script)
	local options=(-v --timeout 300 --memory 700 --cpus 1
		--append 'lsm=landlock,yama one.two="a b"' --append three
		--copy tree --copy plain:/bin/tool/renamed --copy "odd name/a:b" --copy tree:/etc/tree
		--copy plain:/tmp/plain --copy plain:/root/plain
		--program sha256sum --program awk --program ./script)

	mkdir -p tree/inner "odd name"
	echo deep >tree/inner/file
	ln -s inner/file tree/link
	echo odd >"odd name/a:b"
	echo plain >plain
	chmod 640 plain
	printf '#!/usr/bin/env bash\necho "from $0"\n' >script
	chmod +x script
	if has_git; then
		git init -q source
		git -C source -c user.name=n -c user.email=e commit -q --allow-empty -m one
		git -C source update-server-info
		parts+=(guest_git)
		options+=(--program git --program curl --copy source/.git:/srv/source)
	fi
	if [[ $kernel != */* ]]; then
		# One has a dash in its name and needs others, which nobody asked for; one is built in.
		parts+=(guest_modules)
		options+=(--module dummy --module overlay --module nft-chain-nat --module ext4)
	fi
	vm "${options[@]}" -- bash -c "$(calls "${parts[@]}")" vm "$PWD/script"
}

guest_copy()
{
	cat tree/link /bin/tool/renamed a:b /etc/tree/inner/file
	stat -c "%a %u" /usr/bin/tool/renamed
	ls -d /bin/sh /etc/passwd
}

test_copy()
{
	shared guest_with_options
	[ "$(said guest_copy | tr '\n' ' ')" = 'deep plain odd deep 640 0 /bin/sh /etc/passwd ' ]
}

guest_folders()
{
	cat /tmp/plain /root/plain
	stat -c %a /tmp /root
}

# A file that is put into a folder leaves the folder as it was.
test_copy_keeps_folders()
{
	shared guest_with_options
	[ "$(said guest_folders | tr '\n' ' ')" = 'plain plain 1777 700 ' ]
}

# GNU's, not that of busybox under the same name; and one that is a link to a link.
guest_programs()
{
	sha256sum --version | head -n 1
	awk 'BEGIN { print 6 * 7 }'
}

test_program_with_libraries()
{
	shared guest_with_options
	said guest_programs | grep -q GNU && said guest_programs | grep -qx 42
}

guest_script()
{
	"$1"
}

test_program_that_is_a_script()
{
	shared guest_with_options
	[ "$(said guest_script)" = "from $work/guest_with_options/script" ]
}

has_git()
{
	type -P git >/dev/null && type -P curl >/dev/null
}

guest_git()
{
	httpd -p 127.0.0.1:80 -h /srv
	curl -s http://localhost/source/HEAD && git clone -q http://localhost/source copy &&
		git -C copy log --format=%s && git ls-remote -q http://localhost/source HEAD
}

test_git_over_http()
{
	has_git || skip "no git or no curl on this machine"
	shared guest_with_options
	said guest_git | grep -qx one && said guest_git | grep -q HEAD
}

# Only of a kernel that is named by its series is it known where its modules are.
need_series()
{
	[[ $kernel != */* ]] || skip "no modules for the file $kernel"
}

guest_modules()
{
	for name in dummy overlay nft_chain_nat nf_tables nf_nat; do
		grep "^$name " /proc/modules || return
	done
	grep ext4 /proc/filesystems
}

test_modules_are_loaded()
{
	need_series
	shared guest_with_options
	said guest_modules
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

guest_append()
{
	cat /proc/cmdline /sys/kernel/security/lsm
	echo
}

test_append()
{
	shared guest_with_options
	said guest_append >append || return
	grep -q 'lsm=landlock,yama one.two="a b" three$' append && [[ $(tail -n 1 append) != *bpf* ]]
}

guest_machine()
{
	awk '/^processor/ { n++ }
		/^MemTotal/ { small = $2 < 700 * 1024 }
		END { print n, small }' /proc/cpuinfo /proc/meminfo
}

test_memory_and_cpus()
{
	shared guest_with_options
	[ "$(said guest_machine)" = '1 1' ]
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

# Sends a signal to a run in the middle. What processes and files of it are there afterwards is
# listed in the file left.
interrupt() # SIGNAL WHEN
{
	local run temporary=$PWD/temporary marker=ended-by-$1-$$

	mkdir "$temporary"
	# A shell's child in the background ignores SIGINT for good; env undoes that.
	TMPDIR=$temporary env --default-signal=INT "$house/vm/run" --kernel "$kernel" \
		--append "$marker" -- bash -c 'echo up; sleep 1000' >out 2>err &
	run=$!
	until "$2"; do
		kill -0 $run || return
		sleep 0.1
	done
	kill "-$1" $run
	status=0
	wait $run || status=$?
	# qemu's command line holds the marker; the brackets keep grep's own from doing so.
	{
		ls "$temporary"
		grep -als "[${marker:0:1}]${marker:1}" /proc/[0-9]*/cmdline
	} >left
}

command_runs()
{
	grep -q up out
}

# The moment is for vm/run, which is to know of it, too.
qemu_runs()
{
	grep -aqs "[q]emu.*$marker" /proc/[0-9]*/cmdline && sleep 1
}

terminated()
{
	interrupt TERM command_runs
}

test_sigterm_leaves_nothing_behind()
{
	shared terminated
	[ "$status" = 143 ] && [ ! -s left ]
}

test_sigint_leaves_nothing_behind()
{
	interrupt INT qemu_runs
	[ "$status" = 130 ] && [ ! -s left ]
}

all_series=(6.1 6.12 7.3)

all_series_at_once()
{
	local n pids=()

	for n in 1 2 3; do
		"$house/vm/run" --kernel "${all_series[n - 1]}" -- \
			sh -c "echo run $n; uname -r; cat /sys/kernel/security/lsm; exit $n" \
			>"out$n" 2>"err$n" &
		pids+=($!)
	done
	for n in 1 2 3; do
		status=0
		wait "${pids[n - 1]}" || status=$?
		echo $status >"status$n"
	done
}

test_runs_at_the_same_time()
{
	local n

	shared all_series_at_once
	for n in 1 2 3; do
		[ "$(cat "status$n")" = $n ] && [ "$(grep run "out$n")" = "run $n" ] || return
	done
}

test_every_series_boots()
{
	local n

	shared all_series_at_once
	for n in 1 2 3; do
		[[ $(sed -n 2p "out$n") = ${all_series[n - 1]}.* ]] && grep -q bpf "out$n" || return
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
cases=$(compgen -A function test_)
[ "${CASES:-quick}" = quick ] || cases=$CASES
[ "${CASES:-}" != quick ] || cases=$(grep -vxFf <(printf '%s\n' "${RARE[@]}") <<<"$cases")
for case in $cases; do
	run_case "$case"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
