"""What is handed on of a link: pictures, posters, texts, and codes of other platforms."""
