import logging.config

logging.config.dictConfig({
    "version": 1,
    "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
    "handlers": {
        "memory": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "out"},
        "out": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stdout"},
    },
    "root": {"handlers": ["memory"], "level": "INFO"},
})
logging.error("said")
logging.shutdown()
