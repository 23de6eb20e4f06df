# full
import gc

gc.callbacks.append(lambda phase, info: print(phase) if phase == "start" else None)
