#!/usr/bin/env bash
# How a training shares the machine: tests/threads.sh [PROGRAM [OTHER_PROGRAM]]
#
# Prints the wall-clock time of a training alone (and of another program's, interleaved), of two side
# by side against one after the other, of one beside a busy loop on every processor against its fair
# share (twice the time alone), and under limits of its threads against the best number of threads.
# Each figure is the median of ROUNDS (5) interleaved runs.
set -euo pipefail
program=${1:-build/espalier}
other=${2:-}
rounds=${ROUNDS:-5}
folder=$(mktemp -d)
trap 'rm -rf "$folder"; kill $(jobs -p) 2>/dev/null || true' EXIT
unset OMP_NUM_THREADS OMP_WAIT_POLICY GOMP_SPINCOUNT OPENBLAS_CORETYPE ESPALIER_DATA

train() { # NAME COMMAND...
  local name=$1
  shift
  "$@" train --model convnet --epochs "${EPOCHS:-2}" --seed 0 ${OPTIONS:-} \
    --out "$folder/$name.safetensors" >"$folder/$name.log" 2>&1
}

seconds() { # COMMAND...
  local start=$EPOCHREALTIME
  "$@"
  awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }'
}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

note() { printf '%s\n' "$2" >>"$folder/$1.seconds"; }

two() {
  train a "$program" &
  local first=$!
  train b "$program"
  wait "$first"
}

beside_busy_loops() {
  local loops=()
  for _ in $(seq "$(nproc)"); do
    yes >/dev/null &
    loops+=($!)
  done
  train a "$program"
  kill "${loops[@]}"
  wait "${loops[@]}" 2>/dev/null || true
}

# A control group with half of the processors' time, where this machine lets us make one.
group=
if [ -w /sys/fs/cgroup/cpu ] && mkdir /sys/fs/cgroup/cpu/espalier-test 2>/dev/null; then
  group=/sys/fs/cgroup/cpu/espalier-test
  echo $(($(nproc) * 50000)) >$group/cpu.cfs_quota_us
elif [ -w /sys/fs/cgroup/cgroup.procs ] && mkdir /sys/fs/cgroup/espalier-test 2>/dev/null; then
  group=/sys/fs/cgroup/espalier-test
  echo "$(($(nproc) * 50000)) 100000" >$group/cpu.max
fi
in_group() { bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"; }
remove_group() { [ -z "$group" ] || rmdir "$group"; }

for _ in $(seq "$rounds"); do
  note alone "$(seconds train a "$program")"
  [ -z "$other" ] || note other "$(seconds train a "$other")"
  note two "$(seconds two)"
  note busy "$(seconds beside_busy_loops)"
  note one_thread "$(OPTIONS='--threads 1' seconds train a "$program")"
  note limit_1 "$(seconds train a env OMP_THREAD_LIMIT=1 "$program")"
  note dynamic "$(seconds train a env OMP_DYNAMIC=true "$program")"
  note threads_64 "$(seconds train a env OMP_NUM_THREADS=64 "$program")"
  note taskset "$(seconds train a taskset -c 0 "$program")"
  if [ -n "$group" ]; then
    note quota "$(seconds train a in_group "$program")"
    note quota_1 "$(OPTIONS='--threads 1' seconds train a in_group "$program")"
    note quota_2 "$(OPTIONS='--threads 2' seconds train a in_group "$program")"
  fi
done
remove_group

for file in "$folder"/*.seconds; do
  name=$(basename "$file" .seconds)
  printf '%-12s %8.2f s\n' "$name" "$(median "$file")"
  eval "$name=$(median "$file")"
done
ratio() { awk -v what="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%-58s %.2f\n", what, a / b }'; }
[ -z "$other" ] || ratio "alone / the other program alone" "$alone" "$other"
ratio "two side by side / one after the other" "$two" "$(awk -v a="$alone" 'BEGIN { print 2 * a }')"
ratio "beside busy loops / fair share" "$busy" "$(awk -v a="$alone" 'BEGIN { print 2 * a }')"
ratio "OMP_THREAD_LIMIT=1 / --threads 1" "$limit_1" "$one_thread"
ratio "OMP_DYNAMIC=true / alone" "$dynamic" "$alone"
ratio "OMP_NUM_THREADS=64 / alone" "$threads_64" "$alone"
ratio "one processor (taskset) / --threads 1" "$taskset" "$one_thread"
if [ -n "$group" ]; then
  ratio "half of the processors' time / the better of 1, 2 threads" "$quota" \
    "$(awk -v a="$quota_1" -v b="$quota_2" 'BEGIN { print a < b ? a : b }')"
fi
