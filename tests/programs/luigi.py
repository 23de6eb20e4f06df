# require: luigi peewee
import luigi, peewee

class Work(luigi.Task):
    def output(self): return luigi.LocalTarget("done")
    def run(self):
        with self.output().open("w") as file: file.write("1")
if __name__ == "__main__":
    assert luigi.build([Work()], local_scheduler=True, workers=2)
    print("ok")
