"""Writes the model of make_tiny_vlm.py as llama.cpp reads it: the same weights as model.gguf (text) and mmproj.gguf (vision).

llama.cpp's own converter takes tokenizers that it knows by hash, which one of a test is not.

    python tiny_vlm_to_gguf.py FOLDER OUTPUT
"""

import json
import sys
from pathlib import Path

import gguf
from safetensors.torch import load_file
from transformers import AutoConfig, AutoProcessor

SUFFIXES = (".weight", ".bias")


def name_of(names, tensor):
    """Name in llama.cpp of a tensor of transformers."""
    name = names.get_name(tensor, try_suffixes=SUFFIXES)
    if name is None:
        raise ValueError(f"llama.cpp has no tensor for {tensor}")
    return name


def add_vocabulary(writer, tokenizer):
    ids = tokenizer.get_vocab()
    tokens = sorted(ids, key=ids.get)
    special = set(tokenizer.all_special_tokens) | set(tokenizer.added_tokens_encoder)
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_eot_token_id(ids["<end_of_turn>"])
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_text(path, config, processor, tensors):
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[gguf.MODEL_ARCH.GEMMA3])
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["full_attention"]["rope_theta"])
    writer.add_sliding_window(config.sliding_window)
    add_vocabulary(writer, processor.tokenizer)
    writer.add_chat_template(processor.chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GEMMA3, config.num_hidden_layers)
    for tensor, values in tensors.items():
        # Gemma's norms multiply by one more than their weight.
        shifted = values + 1 if tensor.endswith("norm.weight") else values
        writer.add_tensor(name_of(names, tensor), shifted.numpy())
    write(writer)


def write_vision(path, config, processor, tensors):
    vision = config.vision_config
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type(gguf.GGUFType.MMPROJ)
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type(gguf.VisionProjectorType.GEMMA3)
    writer.add_vision_projection_dim(config.text_config.hidden_size)
    writer.add_vision_image_size(vision.image_size)
    writer.add_vision_patch_size(vision.patch_size)
    writer.add_vision_embedding_length(vision.hidden_size)
    writer.add_vision_feed_forward_length(vision.intermediate_size)
    writer.add_vision_block_count(vision.num_hidden_layers)
    writer.add_vision_head_count(vision.num_attention_heads)
    writer.add_vision_attention_layernorm_eps(vision.layer_norm_eps)
    writer.add_vision_use_gelu(True)
    writer.add_vision_image_mean(list(processor.image_processor.image_mean))
    writer.add_vision_image_std(list(processor.image_processor.image_std))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.MMPROJ, vision.num_hidden_layers)
    for tensor, values in tensors.items():
        shifted = values + 1 if tensor.endswith("soft_emb_norm.weight") else values
        writer.add_tensor(name_of(names, tensor), shifted.numpy())
    write(writer)


def main():
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    config = AutoConfig.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    text, vision = {}, {}
    for name, values in tensors.items():
        if name.startswith("language_model."):
            text[name.removeprefix("language_model.")] = values
        elif ".head." not in name:
            name = name.replace("vision_tower.", "vision_tower.vision_model.")
            vision[name.replace("_projection_weight", "_projection.weight")] = values
    write_text(output / "model.gguf", config.text_config, processor, text)
    write_vision(output / "mmproj.gguf", config, processor, vision)


if __name__ == "__main__":
    main()
