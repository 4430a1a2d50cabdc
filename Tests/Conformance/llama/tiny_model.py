"""Writes a tiny model of random weights in llama.cpp's format, 0.5 MB. Argument: the file.

It babbles, but llama.cpp serves it like any model of the Llama family: its tokens are the bytes, so
that its text is rarely valid UTF-8, and its chat template calls tools as Hermes and Qwen do. The
mark that opens such a call is a token that it likes, so a grammar that wants a call gets one soon.
"""

import sys

import gguf
import numpy

TEMPLATE = """\
{%- if tools %}<|im_start|>system
You may call functions. Signatures:
<tools>
{%- for tool in tools %}{{ tool | tojson }}
{%- endfor %}</tools>
Answer a call with <tool_call>{"name": NAME, "arguments": OBJECT}</tool_call><|im_end|>
{%- endif %}
{%- for m in messages %}
{%- if m.role == 'tool' %}<|im_start|>user
<tool_response>
{{ m.content }}
</tool_response><|im_end|>
{%- else %}<|im_start|>{{ m.role }}
{{ m.content or '' }}
{%- if m.tool_calls %}{%- for c in m.tool_calls %}
<tool_call>{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
{#- #}</tool_call>{%- endfor %}{%- endif %}<|im_end|>
{%- endif %}{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{%- endif %}"""

WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT = 64, 2, 4, 128, 32768
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4


def byte_tokens():
    """The 256 printable characters that stand for bytes in byte-level vocabularies."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    stand_ins = iter(range(256, 512))
    return [chr(byte if byte in printable else next(stand_ins)) for byte in range(256)]


def write(path):
    random = numpy.random.default_rng(7)
    tokens = [*byte_tokens(), "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([NORMAL] * 256 + [CONTROL] * 3 + [USER_DEFINED])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(258)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)

    def add(name, *shape, liked=None):
        values = (random.standard_normal(shape) * 0.08).astype(numpy.float32)
        if liked is not None:
            values[liked] *= 4
        writer.add_tensor(name + ".weight", values)

    def add_ones(name):
        writer.add_tensor(name + ".weight", numpy.ones(WIDTH, numpy.float32))

    add("token_embd", len(tokens), WIDTH)
    add("output", len(tokens), WIDTH, liked=len(tokens) - 1)
    add_ones("output_norm")
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        add_ones(block + "attn_norm")
        add_ones(block + "ffn_norm")
        for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
            add(block + name, WIDTH, WIDTH)
        add(block + "ffn_gate", HIDDEN, WIDTH)
        add(block + "ffn_up", HIDDEN, WIDTH)
        add(block + "ffn_down", WIDTH, HIDDEN)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1])
