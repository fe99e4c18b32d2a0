"""Online Kart's shared package: the Lambda layer of the three apps."""
