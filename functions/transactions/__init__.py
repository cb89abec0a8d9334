"""The ledger: every transaction once, and the balances that follow from them."""
