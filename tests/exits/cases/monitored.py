# full
import sys

sys.monitoring.use_tool_id(3, "tool")
