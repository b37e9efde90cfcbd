"""Writes tests/golden/gguf/: small files made by llama.cpp's own writer (the gguf package) that tests/file/test_gguf.c and
tests/dict read. Usage: make_gguf_golden.py [FOLDER]"""
import os
import sys

import gguf
import numpy as np

out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "gguf")
os.makedirs(out, exist_ok=True)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


w = gguf.GGUFWriter(os.path.join(out, "every.gguf"), "test")
w.add_uint8("u8", 255)
w.add_int8("i8", -1)
w.add_uint16("u16", 65535)
w.add_int16("i16", -2)
w.add_uint32("u32", 4000000000)
w.add_int32("i32", -3)
w.add_uint64("u64", 1 << 40)
w.add_int64("i64", -(1 << 40))
w.add_float32("f32", 0.5)
w.add_float64("f64", 0.1)
w.add_bool("yes", True)
w.add_string("text", "h\u00e9")
w.add_array("numbers", [1, 2, 3])
w.add_array("words", ["a", "bc"])
ramp = np.arange(6, dtype=np.float32).reshape(2, 3)
w.add_tensor("f32", ramp)
w.add_tensor("f16", ramp.astype(np.float16))
w.add_tensor("bf16", (ramp.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(2, 6), raw_dtype=gguf.GGMLQuantizationType.BF16)
w.add_tensor("f64", ramp.astype(np.float64))
w.add_tensor("i32", ramp.astype(np.int32))
w.add_tensor("i8", ramp.astype(np.int8))
w.add_tensor("q8", gguf.quants.quantize(np.ones((1, 32), np.float32), gguf.GGMLQuantizationType.Q8_0), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
finish(w)

# Directions of blocks 1 and 3 of width 8: element j of direction K is K + j/8.
w = gguf.GGUFWriter(os.path.join(out, "control_vector.gguf"), "controlvector")
w.add_string("controlvector.model_hint", "gemma2")
w.add_uint32("controlvector.layer_count", 4)
for k in (3, 1):
    w.add_tensor(f"direction.{k}", (k + np.arange(8) / 8).astype(np.float32))
finish(w)
