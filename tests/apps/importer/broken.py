import sample

1 / 0
