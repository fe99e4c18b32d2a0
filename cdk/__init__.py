"""Online Kart on AWS: the layers, the stacks, and what a deployment runs. README.md is the page to follow."""
