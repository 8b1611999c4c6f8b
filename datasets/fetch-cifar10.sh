#!/bin/sh
# Fetches CIFAR-10's official binary files: fetch-cifar10.sh [FOLDER], "data" when not given.
# Leaves FOLDER/cifar-10-batches-bin whole or not at all. A download that breaks off is kept as
# FOLDER/cifar-10-binary.tar.gz.part, and the next call goes on from there. Ends with one line that
# says what is there; exit status 0 when the data is there, 1 when it is not.
# CIFAR10_URL and CIFAR10_MD5 name another source of the same archive.
set -u

folder=${1:-data}
url=${CIFAR10_URL:-https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz}
sum=${CIFAR10_MD5:-c32a1d4ab5d03f1284b67883e8d87530}
result=$folder/cifar-10-batches-bin
part=$folder/cifar-10-binary.tar.gz.part
beside=$folder/.unpacking.$$

# The folder appears by one rename, so that where it exists, it is whole.
found() { echo "CIFAR-10: found in $result"; exit 0; }
missing() { echo "CIFAR-10: not there, $1"; exit 1; }
[ -d "$result" ] && found
command -v curl >/dev/null || missing "no curl to download it with"

trap 'rm -rf "$beside"' EXIT
trap 'exit 1' HUP INT TERM

# Gives up after 10 s without a connection or with hardly a byte. Draws no progress bar where no one
# watches.
[ -t 2 ] && progress=--progress-bar || progress=--silent
download() {
  curl --fail --location --connect-timeout 10 --speed-limit 100 --speed-time 10 \
    "$progress" --show-error --continue-at - --output "$part" "$url"
}
whole() { [ -f "$part" ] && echo "$sum  $part" | md5sum --check --status; }

mkdir -p "$folder" 2>/dev/null || missing "cannot create the folder $folder"
# One download at a time: the others wait, and then find what it has fetched. The lock ends with its
# processes, and what is being unpacked while it is held is left from one that was killed.
if exec 9<"$folder" && flock 9 2>/dev/null; then
  [ -d "$result" ] && found
  rm -rf "$folder"/.unpacking.*
fi
if ! whole; then
  echo "CIFAR-10: downloading $url" >&2
  resumed=$([ -s "$part" ] && echo yes)
  download
  status=$?
  # 22: the server refuses the rest of a file that is longer than its own; 33: it cannot resume.
  # Also when the parts do not add up, the only way on is from the beginning.
  if [ -n "$resumed" ] && ! whole && case $status in 0 | 22 | 33 | 36) ;; *) false ;; esac; then
    rm -f "$part"
    download
    status=$?
  fi
  if ! whole; then
    [ "$status" -ne 0 ] && missing "the download broke off (curl's error $status)"
    rm -f "$part"
    missing "the download's md5 is not $sum"
  fi
fi

mkdir "$beside" && tar -xzf "$part" -C "$beside" 2>/dev/null ||
  missing "cannot unpack the archive in $folder"
[ -d "$beside/cifar-10-batches-bin" ] || missing "the archive holds no cifar-10-batches-bin"
# -T: into a folder that another call put there meanwhile, it does not move but fails.
mv -T "$beside/cifar-10-batches-bin" "$result" 2>/dev/null || [ -d "$result" ] ||
  missing "cannot write $result"
rm -f "$part"
found
