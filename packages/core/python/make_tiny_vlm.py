"""Makes a tiny vision-language model with random weights, as Hugging Face transformers loads it: Gemma 3's architecture,
one token for each byte. What it writes is noise, but a server treats it as any other model.

    python make_tiny_vlm.py FOLDER
"""

import sys
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3Processor, PreTrainedTokenizerFast
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

SEED = 7
PAD, EOS, BOS, TURN, END_OF_TURN, IMAGE, SOFT_TOKEN, END_OF_IMAGE = SPECIAL = (
    "<pad>",
    "<eos>",
    "<bos>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<start_of_image>",
    "<image_soft_token>",
    "<end_of_image>",
)
WIDTH = 64
IMAGE_SIZE = 112
PATCH = 14
IMAGE_TOKENS = 4
CONTEXT = 4096

# Turns of user and model; an instruction of the system opens the first turn, as in Gemma 3.
CHAT_TEMPLATE = """\
{{ bos_token }}
{%- set system = '' -%}
{%- for message in messages -%}
  {%- if message.role == 'system' -%}
    {%- set system = (message.content if message.content is string else message.content[0].text) + '\\n\\n' -%}
  {%- endif -%}
{%- endfor -%}
{%- set place = namespace(first=true) -%}
{%- for message in messages if message.role != 'system' -%}
  {{ '<start_of_turn>' + ('model' if message.role == 'assistant' else 'user') + '\\n' + (system if place.first else '') }}
  {%- set place.first = false -%}
  {%- if message.content is string -%}
    {{ message.content }}
  {%- else -%}
    {%- for part in message.content -%}
      {{ '<start_of_image>' if part.type == 'image' else part.text }}
    {%- endfor -%}
  {%- endif -%}
  {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}
"""


def make_tokenizer():
    """One token for each byte after the special ones, and one that two line breaks merge to."""
    # The bytes as byte-level vocabularies write them: each a printable character.
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    line_break = "\u010a"
    vocabulary = [*SPECIAL, *letters, line_break * 2]
    tokenizer = Tokenizer(
        models.BPE(vocab={token: id for id, token in enumerate(vocabulary)}, merges=[(line_break, line_break)])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        bos_token=BOS,
        extra_special_tokens={"boi_token": IMAGE, "image_token": SOFT_TOKEN, "eoi_token": END_OF_IMAGE},
        model_max_length=CONTEXT,
    )


def make_model(tokenizer):
    ids = tokenizer.get_vocab()
    config = Gemma3Config(
        text_config={
            "vocab_size": len(ids),
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "query_pre_attn_scalar": 16,
            "sliding_window": CONTEXT,
            "max_position_embeddings": CONTEXT,
            "pad_token_id": ids[PAD],
            "bos_token_id": ids[BOS],
            "eos_token_id": ids[EOS],
            "tie_word_embeddings": False,
        },
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": IMAGE_SIZE,
            "patch_size": PATCH,
        },
        mm_tokens_per_image=IMAGE_TOKENS,
        boi_token_index=ids[IMAGE],
        eoi_token_index=ids[END_OF_IMAGE],
        image_token_index=ids[SOFT_TOKEN],
        tie_word_embeddings=False,
    )
    torch.manual_seed(SEED)
    model = Gemma3ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=2 * weight.shape[-1] ** -0.5)
        prefer_readable(model.lm_head.weight, tokenizer)
    model.generation_config.do_sample = True
    model.generation_config.eos_token_id = [ids[EOS], ids[END_OF_TURN]]
    model.generation_config.pad_token_id = ids[PAD]
    return model


def prefer_readable(head, tokenizer):
    """Makes the model write ASCII and ends of turns: what its last layer has small rows for is seldom the likeliest."""
    for token, id in tokenizer.get_vocab().items():
        text = tokenizer.convert_tokens_to_string([token])
        readable = token not in SPECIAL and text.isascii() and text.strip("\n").isprintable()
        if not readable and token != END_OF_TURN:
            head[id] *= 0.05


def main():
    folder = Path(sys.argv[1])
    tokenizer = make_tokenizer()
    make_model(tokenizer).save_pretrained(folder)
    Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}),
        tokenizer=tokenizer,
        chat_template=CHAT_TEMPLATE,
        image_seq_length=IMAGE_TOKENS,
    ).save_pretrained(folder)


if __name__ == "__main__":
    main()
