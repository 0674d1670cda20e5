# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# vm/debian.sh: the debian guest's base image: Debian 12 with systemd, from Debian's packages. Sourced
# by vm/guest, which brings stage.sh, fail(), $work and $vm.
#
# All of it is in the guest's memory, and unpacked at every boot, a second for 80 MB: what nobody will
# miss there stays out. One image for all: the 80 MB that only some suites need cost less than a second
# image, which takes a minute to build.
#
# Debian packages: apt, debian-archive-keyring, gawk or mawk, grep, mmdebstrap, passwd.

# What is in the guest besides the essential packages and apt. First what it takes to boot; then what
# builds, what hosts are watched and confined by, how deploys come in, what they use, what boots
# hosts, and what deploys talk to; at last what ringfence is linked with: the guest has the libraries as its own.
debian_packages=(
	systemd systemd-sysv dbus kmod mount passwd login procps iproute2 bash
	gcc libc6-dev make dpkg-dev
	auditd apparmor
	cron openssh-server openssh-client
	git curl python3 strace
	grub2-common e2fsprogs
	nginx-light postgresql
	libbpf1 libelf1 zlib1g libyaml-0-2 libjansson4 libcap2
)

# Files of these packages that are left out: what people read; gcc's link-time optimiser and
# sanitisers, and its other linker; the headers for embedding perl; character sets other than UTF-8; what
# PostgreSQL compiles queries with.
debian_left_out=(
	'/usr/share/doc/*' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/locale/*'
	'/usr/share/lintian/*' '/usr/share/bash-completion/*'
	'/usr/lib/gcc/*/lto1' '/usr/bin/*lto-dump*' '/usr/lib/gcc/*san*' '/usr/lib/*/lib?*san.so*'
	'/usr/bin/*gold' '/usr/bin/*dwp' '/usr/share/grub/unicode.pf2'
	'/usr/lib/*/libLLVM*' '/usr/lib/postgresql/*/lib/bitcode/*' '/usr/lib/postgresql/*/lib/llvmjit*'
	'/usr/lib/*/perl/*/CORE/*' '/usr/lib/*/gconv/*' '/usr/lib/*/perl/*/auto/Encode/[CJKT][NPRW]/*'
)

# Units that have nothing to do in it: there are no modules and no disks; nobody logs in at a
# console, whose device only udev would announce; and there is no network to look for updates.
debian_masked=(
	getty.target getty@.service serial-getty@.service
	modprobe@.service systemd-modules-load.service proc-sys-fs-binfmt_misc.automount
	systemd-remount-fs.service systemd-pstore.service
	apt-daily.timer apt-daily-upgrade.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service
	grub-common.service
)

# Units that a test starts which needs them.
debian_waiting=(nginx.service postgresql.service)

debian_inputs()
{
	cat "$vm/debian.sh"
}

# The machine's way to the archive, proxies above all, and what stays out.
debian_settings()
{
	apt-config dump | grep -E '^Acquire::(http|https)::' >"$work/apt.conf" || true
	printf 'path-exclude=%s\n' "${debian_left_out[@]}" >"$work/dpkg.cfg"
	archive_sources bookworm >"$work/sources.list"
}

# Leaves the guest's root in ROOT.
debian_build() # ROOT
{
	local root=$1 packages

	type -P mmdebstrap >/dev/null || fail "no mmdebstrap: install the package mmdebstrap"
	[ "$(id -u)" = 0 ] || fail "only root can build the debian guest (once; then it is cached)"
	echo "vm/guest: building the debian guest: a minute or two, once" >&2
	debian_settings
	packages=$(IFS=, && echo "${debian_packages[*]}")
	# No mounts, which a killed build would leave behind: it makes its own device nodes.
	mmdebstrap --mode=root --variant=apt --skip=chroot/mount --include="$packages" \
		--aptopt="$work/apt.conf" --dpkgopt="$work/dpkg.cfg" \
		bookworm "$root" "$work/sources.list" >"$work/log" 2>&1 </dev/null || {
		tail -n 20 "$work/log" >&2
		fail "mmdebstrap failed"
	}
	debian_etc "$root"
	debian_units "$root"
}

# Nothing of this machine remains: not its name, its resolver, its mirror or its proxies.
debian_etc() # ROOT
{
	local root=$1 etc=$1/etc

	rm -f "$etc/apt/apt.conf.d/99mmdebstrap" "$etc/dpkg/dpkg.cfg.d/99mmdebstrap"
	rm -f "$etc/resolv.conf" "$etc/apt/sources.list.d"/*
	: >"$etc/apt/sources.list"
	: >"$etc/machine-id"
	echo guest >"$etc/hostname"
	echo '127.0.0.1 localhost guest
::1 localhost ip6-localhost' >"$etc/hosts"
	# Debian empties /tmp at boot: --copy may have put something there.
	mkdir -p "$etc/tmpfiles.d"
	echo 'd /tmp 1777 root root -' >"$etc/tmpfiles.d/tmp.conf"
	useradd --prefix "$root" --uid 1000 --user-group --create-home --shell /bin/bash deploy
	mkdir "$root/work"
}

debian_units() # ROOT
{
	local units=$1/etc/systemd/system unit

	for unit in "${debian_masked[@]}"; do
		ln -sf /dev/null "$units/$unit"
	done
	for unit in "${debian_waiting[@]}"; do
		rm -f "$units/multi-user.target.wants/$unit"
	done
	ln -sf /usr/lib/systemd/system/multi-user.target "$units/default.target"
	ln -s /usr/lib/systemd/system/vm-command.service "$units/multi-user.target.wants/"
	# A first process that has crashed would wait for somebody to look at it.
	mkdir -p "$1/etc/systemd/system.conf.d"
	printf '[Manager]\nCrashReboot=yes\n' >"$1/etc/systemd/system.conf.d/vm.conf"
}
