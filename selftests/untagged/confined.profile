# AppArmor's: may all but one thing.
profile untagged-confined /work/untagged/confined {
	file,
	network,
	unix,
	signal,
	capability,
	audit deny /srv/confidential r,
}
