# fast
import logging
import logging.handlers

logging.basicConfig(filename="log.txt", level=logging.INFO)
logging.info("logged")
target = logging.FileHandler("memory.txt")
memory = logging.handlers.MemoryHandler(1000, target=target)
logger = logging.getLogger("memory")
logger.addHandler(memory)
logger.error("kept in memory until the end")
