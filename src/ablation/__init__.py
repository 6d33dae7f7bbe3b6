"""Ablation studies of deep-network training: what a choice does to convergence and to the gradients."""


class UserError(ValueError):
    """Something that the user can mend: one line that names the key or file, the value, and what is allowed.

    The stages' mains print it on stderr without a traceback and exit with status 2.
    """
