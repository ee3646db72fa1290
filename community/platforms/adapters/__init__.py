"""One file per platform: what its target looks like, what is posted to it, and what its answers mean.

`protocol` is the shape they share; `known` lists them.
"""
