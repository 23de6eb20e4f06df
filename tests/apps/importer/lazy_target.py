import builtins

builtins.lazy_target_was_run = True
VALUE = 7
