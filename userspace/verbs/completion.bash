# Where the tags of a host are told.
_ringfence_policies=/etc/ringfence/policy.d

# The tags of policy files, one a line.
_ringfence_tags() # FILE...
{
	sed -n "s/^tag:[[:space:]]*[\"']\{0,1\}\([[:alnum:]][[:alnum:]._-]*\).*/\1/p" "$@" 2>/dev/null
}

# Answers with what a word that begins so may be.
_ringfence_offer() # "WORDS"|@KIND BEGINNING [POLICY]
{
	local kind=$1 begun=$2 policy=${3-}
	case $kind in
	@nothing)
		return ;;
	@tags)
		local files=("$_ringfence_policies"/*.yaml)
		[ -z "$policy" ] || files=("${policy/#\~\//$HOME/}")
		mapfile -t COMPREPLY < <(compgen -W "$(_ringfence_tags "${files[@]}")" -- "$begun") ;;
	@files | @folders)
		compopt -o filenames 2>/dev/null
		kind=${kind/@files/-f}
		mapfile -t COMPREPLY < <(compgen "${kind/@folders/-d}" -- "$begun") ;;
	@processes)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && echo [0-9]*)" -- "$begun") ;;
	@users)
		mapfile -t COMPREPLY < <(compgen -u -- "$begun") ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$begun") ;;
	esac
}

# The command line that a verb is to run, from its first word on.
_ringfence_command() # INDEX
{
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
		return
	fi
	local kind=-f
	[ "$1" != "$COMP_CWORD" ] || kind=-c
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "$kind" -- "${COMP_WORDS[COMP_CWORD]}")
}

_ringfence()
{
	local verb=${COMP_WORDS[1]} begun=${COMP_WORDS[COMP_CWORD]}
	local i word awaited='' last='' policy='' arguments=0 closed=''

	COMPREPLY=()
	if [ "$COMP_CWORD" -le 1 ]; then
		_ringfence_offer "${!_ringfence_options[*]} --help --version" "$begun"
		return
	fi
	[ -n "${_ringfence_options[$verb]-}" ] || return
	# readline takes "--tag=x" for three words
	[ "$begun" != = ] || begun=
	for ((i = 2; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ "$word" = = ]; then
			continue
		elif [ -n "$awaited" ]; then
			case $last in -p | --policy) policy=$word ;; esac
			awaited=
		elif [ -n "$closed" ] || [[ $word != -* ]]; then
			[ "${_ringfence_arguments[$verb]-}" != @command ] || break
			((arguments += 1))
		elif [ "$word" = -- ]; then
			closed=yes
		else
			last=$word
			awaited=${_ringfence_arguments["$verb $word"]-}
		fi
	done
	if [ -n "$awaited" ]; then
		_ringfence_offer "$awaited" "$begun" "$policy"
	elif [ "$i" -lt "$COMP_CWORD" ] || [ "${_ringfence_arguments[$verb]-}$closed" = @commandyes ] ||
		[[ ${_ringfence_arguments[$verb]-} = @command && $begun != -* ]]; then
		_ringfence_command "$i"
	elif [ -z "$closed" ] && [[ $begun = -* ]]; then
		_ringfence_offer "${_ringfence_options[$verb]}" "$begun"
	elif [ "$arguments" = 0 ]; then
		_ringfence_offer "${_ringfence_arguments[$verb]-@nothing}" "$begun"
	elif [ -n "${_ringfence_arguments[$verb]-}" ]; then
		_ringfence_offer @files "$begun"
	fi
}

complete -F _ringfence ringfence
