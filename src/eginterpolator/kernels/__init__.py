"""C++ for what takes most of a training step and of generation, on processors that multiply bf16.

`messages` and `attention` are operators of PyTorch with gradients; `library` compiles and loads what they call.
"""
