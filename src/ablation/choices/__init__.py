"""What is compared: initializers, activations, normalization, clipping, optimizers, schedules, losses."""
