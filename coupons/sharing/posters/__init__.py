"""Posters: a product, what it costs, who recommends it and the code that leads there, as one picture to share."""
