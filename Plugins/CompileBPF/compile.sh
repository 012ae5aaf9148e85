#!/bin/sh
# compile.sh CLANG OBJCOPY SOURCE NAME OUTPUT HEADERS: one BPF program, as a Swift file that holds
# its object.
set -eu
clang=$1 objcopy=$2 source=$3 name=$4 output=$5 headers=$6

machine=$(uname -m)
case $machine in
x86_64) arch=x86 ;;
aarch64) arch=arm64 ;;
*) echo "$source: no BPF build is known for $machine" >&2; exit 1 ;;
esac

# linux/types.h includes asm/types.h, which Debian keeps under the multiarch folder.
# The folder's name must not end up in the line information: it differs from machine to machine.
cd "$(dirname "$source")"
"$clang" -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -ffile-prefix-map="$PWD"=. \
	-D__TARGET_ARCH_$arch -I"/usr/include/$machine-linux-gnu" -I"$headers" \
	-c "$(basename "$source")" -o "$output.o"
"$objcopy" --strip-debug "$output.o"
{
	echo "import BPF"
	echo
	echo "extension BPFObjects {"
	echo "  static let $name = EmbeddedObject(name: \"$name\", base64: \"$(base64 -w0 "$output.o")\")"
	echo "}"
} >"$output.new"
mv "$output.new" "$output"
