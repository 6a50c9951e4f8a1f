"""First and second derivatives by a model's variables, written once for each framework.

`in_tensorflow`, `in_jax` and `in_torch` have the same two functions, ``gradient`` and
``hessian_product``; scores are written in terms of them and know no framework.
"""
