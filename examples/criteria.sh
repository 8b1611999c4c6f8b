#!/bin/sh
# Every structure with every criterion, once each on real pictures: what was asked, what was achieved,
# and the accuracy that is left without fine-tuning. Pairs that make no sense are marked with a dash.
#   examples/criteria.sh DATA [CONVNET RESNET]
# DATA is a folder with CIFAR-10; the files are trained networks, or are made by one epoch each.
set -eu
data=$1
program=${ESPALIER:-build/espalier}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
convnet=${2:-$folder/convnet.safetensors}
resnet=${3:-$folder/resnet20.safetensors}
for model in convnet resnet20; do
  file=$convnet
  [ $model = convnet ] || file=$resnet
  [ -e "$file" ] || "$program" train --model $model --epochs 1 --data "$data" --out "$file" 2>/dev/null
done

value() { sed -n "s/.*\"$1\":\([-0-9.e]*\).*/\1/p"; }

criteria="magnitude l2 threshold weighted gradient taylor fisher obs activation variance apoz entropy
mutual-information bn-scale geometric-median snip synflow random type"
echo "| criterion | structure | network | asked | achieved | accuracy before | loss |"
echo "|---|---|---|---|---|---|---|"
for criterion in $criteria; do
  for structure in weight block n:m neuron filter layer; do
    network=convnet file=$convnet asked="--sparsity 0.25"
    case $structure in
      layer) network=resnet20 file=$resnet asked="--sparsity 0.3333333" ;;
      n:m) asked="--pattern 3:4" ;;
    esac
    case $criterion in
      bn-scale) network=resnet20 file=$resnet ;;
      threshold) asked="--deviations 0.5" ;;
    esac
    if json=$("$program" prune "$file" --data "$data" --structure $structure --epochs 0 \
      --criterion $criterion $asked --pictures 256 --out "$folder/out.safetensors" --json \
      2>"$folder/err"); then
      echo "| $criterion | $structure | $network | ${asked#--* } |" \
        "$(echo "$json" | value sparsity) |" \
        "$(echo "$json" | value accuracy_before_finetune) |" \
        "$(echo "$json" | value loss_before_finetune) |"
    else
      echo "| $criterion | $structure | - | $(grep -o 'espalier: .*' "$folder/err") |"
    fi
  done
done
