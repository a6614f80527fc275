"""Where the runs of a grid are executed: this process, processes of this machine, a Ray cluster."""
