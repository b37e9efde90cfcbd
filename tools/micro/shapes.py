"""The two model shapes: their transformers classes, and the config.json that goes beside the weights."""
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, GPTNeoXConfig, GPTNeoXForCausalLM

GEMMA = {
    "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "vocab_size": None, "hidden_size": 128,
    "intermediate_size": 384, "num_hidden_layers": 5, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 48, "query_pre_attn_scalar": 48, "hidden_activation": "gelu_pytorch_tanh",
    "hidden_act": "gelu_pytorch_tanh", "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "sliding_window": 64,
    "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "attention_bias": False,
    "attention_dropout": 0.0, "max_position_embeddings": 512, "initializer_range": 0.04, "use_cache": True,
    "tie_word_embeddings": True, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2,
    "cache_implementation": "hybrid", "torch_dtype": "bfloat16",
}
NEOX = {
    "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "vocab_size": None, "hidden_size": 64,
    "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "rotary_pct": 0.25,
    "rotary_emb_base": 10000, "layer_norm_eps": 1e-5, "hidden_act": "gelu", "use_parallel_residual": True,
    "attention_bias": True, "attention_dropout": 0.0, "hidden_dropout": 0.0, "max_position_embeddings": 512,
    "initializer_range": 0.04, "tie_word_embeddings": False, "use_cache": True, "bos_token_id": 0,
    "eos_token_id": 0, "torch_dtype": "float16",
}
SHAPES = {"micro": (GEMMA, Gemma2Config, Gemma2ForCausalLM, torch.bfloat16),
          "micro-neox": (NEOX, GPTNeoXConfig, GPTNeoXForCausalLM, torch.float16)}


def config(name, vocab_size):
    """The plain config.json of a shape."""
    return dict(SHAPES[name][0], vocab_size=vocab_size)


def build(name, vocab_size):
    """A float32 model of that shape with fresh weights."""
    form = {key: value for key, value in config(name, vocab_size).items() if key != "torch_dtype"}
    _, config_class, model_class, _ = SHAPES[name]
    made = config_class(**form)
    made._attn_implementation = "eager"
    return model_class(made)
