"""Differentially private training of torch modules, on the per-example gradients of Opacus; extra [deep]."""
