# require: textual
import asyncio
from textual.app import App
from textual.widgets import Button, Footer, Header
class Small(App):
    CSS = "Button { width: 20; }"
    def compose(self): yield Header(); yield Button("press", id="b"); yield Footer()
    def on_button_pressed(self): self.exit("pressed")
async def main():
    app = Small()
    async with app.run_test() as pilot:
        await pilot.click("#b")
    return app.return_value
assert asyncio.run(main()) == "pressed"
print("ok")
