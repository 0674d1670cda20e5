# The tags of --policy, or of the policies of this host.
_ringfence_tags()
{
	local policy=${opt_args[--policy]:-${opt_args[-p]}} expl
	local -a files=(/etc/ringfence/policy.d/*.yaml(N)) tags
	[[ -z $policy ]] || files=(${(Q)~policy})
	(( $#files )) || return
	tags=(${(f)"$(sed -n "s/^tag:[[:space:]]*[\"']\{0,1\}\([[:alnum:]][[:alnum:]._-]*\).*/\1/p" \
		$files 2>/dev/null)"})
	_wanted tags expl tag compadd -a tags
}

_ringfence()
{
	local curcontext=$curcontext context state line
	typeset -A opt_args

	_arguments -C '(- : *)'{-h,--help}'[show help]' '(- : *)--version[tell which one this is]' \
		'1:verb:_ringfence_verbs' '*::argument:->argument'
	[[ $state != argument ]] || _ringfence_arguments $words[1]
}

_ringfence "$@"
