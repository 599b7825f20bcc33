"""C++ for what takes most of a training step and of generation: in bf16 where processors multiply it, else in fp32.

`messages`, `attention` and `transition` are operators of PyTorch with gradients; `library` compiles and loads what they
call.
"""
