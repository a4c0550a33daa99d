"""What noisy numbers say: estimates with intervals for the noise. Nothing here sees data, so nothing costs budget."""
