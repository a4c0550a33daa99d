"""How values become coarser, step by step up to one value for all."""
