"""Writes trained models as ONNX files with a manifest that names their hashes, seed and command."""

import hashlib
import json
import shutil

import torch

from tiny_vlm import IMAGE_TOKENS, PAD, WIDTH

OPSET = 18


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def export_onnx(module, inputs, path, input_names, output_names, dynamic):
    """One self-contained ONNX file; `dynamic` names the free axes as in torch.onnx.export."""
    module.eval()
    torch.onnx.export(
        module,
        inputs,
        str(path),
        input_names=input_names,
        output_names=output_names,
        dynamic_axes=dynamic,
        opset_version=OPSET,
        dynamo=False,
    )


def export_base(vision, decoder, corpus, out, seed, command, metrics):
    """Fills the folder of the tiny VLM base: vision.onnx, decoder.onnx, tokenizer.json, groups-seen.json, base.json."""
    out.mkdir(parents=True, exist_ok=True)
    info = json.loads((corpus / "examples.json").read_text())
    export_onnx(
        vision,
        (torch.zeros(2, 3, 96, 96),),
        out / "vision.onnx",
        ["image"],
        ["embeddings"],
        {"image": {0: "batch"}, "embeddings": {0: "batch"}},
    )
    batch_time = {0: "batch", 1: "time"}
    export_onnx(
        decoder,
        (torch.zeros(2, IMAGE_TOKENS, WIDTH), torch.ones(2, 9, dtype=torch.int64)),
        out / "decoder.onnx",
        ["embeddings", "tokens"],
        ["hidden", "logp", "gap"],
        {"embeddings": {0: "batch"}, "tokens": batch_time, "hidden": batch_time, "logp": batch_time, "gap": batch_time},
    )
    shutil.copy(corpus / "tokenizer.json", out / "tokenizer.json")
    shutil.copy(corpus / "scenes.json", out / "groups-seen.json")
    names = ["vision.onnx", "decoder.onnx", "tokenizer.json", "groups-seen.json"]
    files = {name: sha256(out / name) for name in names}
    manifest = {
        "schema": "vlprm.base/1",
        "name": "tiny-vlm",
        "revision": hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16],
        "hiddenSize": WIDTH,
        "image": {"width": 96, "height": 96},
        "imageTokens": IMAGE_TOKENS,
        "maxTokens": info["maxTokens"],
        "pad": PAD,
        "files": files,
        "groupsSeen": "groups-seen.json",
        "seed": seed,
        "corpusSeed": info["seed"],
        "command": command,
        "torch": torch.__version__,
        "heldOut": metrics,
    }
    (out / "base.json").write_text(json.dumps(manifest, indent=2) + "\n")
