"""Preference data becomes a policy: SFT, DPO, D2O, PPO."""
