# full
class Meta(type):
    def __del__(cls):
        print("class ended", cls.__name__)


class Some(metaclass=Meta):
    pass
