"""Where jobs run: in processes of this machine, or on many machines. Each is a `bandit.ope.runner.Runner`."""
