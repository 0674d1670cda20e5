# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# vm/archive.sh: where Debian's packages come from. Sourced by vm/kernel and vm/debian.sh, which
# bring fail().
#
# The mirror is the one that this machine's apt uses already. Where that is not a Debian archive,
# DEBIAN_MIRROR names one.

archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The first Debian archive among the sources of this machine's apt.
archive_mirror() # LABEL
{
	# The dollars are apt's.
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F '|' -v label="$1" '
			$1 == "Debian" && $2 == label && $3 !~ /^cdrom:/ && !n++ { print $3 }'
}

# Lines for a sources.list: the suites named, and the security updates of the first.
archive_sources() # SUITE...
{
	local main security suite

	main=${DEBIAN_MIRROR:-$(archive_mirror Debian)}
	[ -n "$main" ] ||
		fail "apt knows no Debian archive: run apt-get update, or set DEBIAN_MIRROR"
	security=$(archive_mirror Debian-Security)
	[ -r $archive_keyring ] ||
		fail "no $archive_keyring: install the package debian-archive-keyring"
	for suite in "$@"; do
		echo "deb [arch=amd64 signed-by=$archive_keyring] $main $suite main"
	done
	[ -z "$security" ] ||
		echo "deb [arch=amd64 signed-by=$archive_keyring] $security $1-security main"
}
