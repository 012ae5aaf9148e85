# Sourced by the lab's scripts.

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sonde-lab

fail() {
	echo "lab: $1" >&2
	exit "${2:-1}"
}

# known COLUMN [NAME]: that column of the table of kernels
known() { awk -v column="$1" -v name="${2:-}" '!/^#/ && NF && (name == "" || $1 == name) { $1 = $1; print column == 3 ? substr($0, length($1 $2) + 3) : $column }' "$lab/kernels"; }

# site LABEL: the archive of that label that the machine's own apt sources name
site() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' "Label: $1" 2>/dev/null | head -n 1; }

# in_suite SUITE COMMAND ARGUMENTS...: apt as if it had that suite alone, with lists and archives in the
# cache; nothing else is touched, but by `apt-get install`.
in_suite() {
	local home=$cache/apt/$1 label=Debian from
	mkdir -p "$home/lists/partial" "$home/archives/partial"
	case $1 in *-security) label=Debian-Security ;; esac
	if [ ! -s "$home/sources.list" ]; then
		from=$(site $label)
		[ -n "$from" ] || fail "apt's sources name no archive of $label; run apt-get update"
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $from $1 main" >"$home/sources.list"
		cat >"$home/apt.conf" <<-END
			Dir::Etc::sourcelist "$home/sources.list";
			Dir::Etc::sourceparts "-";
			Dir::State::lists "$home/lists";
			Dir::Cache::archives "$home/archives";
			Dir::Cache::pkgcache "";
			Dir::Cache::srcpkgcache "";
			APT::Sandbox::User "root";
		END
	fi
	shift
	APT_CONFIG=$home/apt.conf "$@"
}

# The lists of a suite, fetched at most once an hour.
lists_of() {
	mkdir -p "$cache/apt"
	[ -z "$(find "$cache/apt/$1/fresh" -mmin -60 2>/dev/null)" ] || return 0
	in_suite "$1" apt-get update -qq -o APT::Update::Error-Mode=any >"$cache/apt.log" 2>&1 || return 1
	touch "$cache/apt/$1/fresh"
}
