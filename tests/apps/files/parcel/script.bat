@echo script %*
