"""Pairs or bare negatives become dispreferred rows with self-samples as anchors."""
