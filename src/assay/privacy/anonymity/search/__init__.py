"""Tables made coarser until they meet what is required, with as little lost as can be."""
