"""Log-probabilities of tokens as the first of the answer to a conversation, JSON on stdin and stdout.

    python first_logprobs.py MODEL TOKEN... < messages.json
"""

import json
import sys

import torch
from transformers import AutoModelForMultimodalLM, AutoProcessor


def main():
    folder, *tokens = sys.argv[1:]
    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForMultimodalLM.from_pretrained(folder).eval()
    inputs = processor.apply_chat_template(
        json.load(sys.stdin), add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1]
    ids = processor.tokenizer.convert_tokens_to_ids(tokens)
    json.dump(torch.log_softmax(logits, dim=-1)[ids].tolist(), sys.stdout)


if __name__ == "__main__":
    main()
