"""``/tokenize``, ``/detokenize``, ``/tokenizer_info`` and ``/apply-template``."""
