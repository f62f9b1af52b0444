"""The command line: flags, the printed table, backends compared, the doctor."""


def main(lesson, argv=None):
    """Run a lesson as a command; see `course.cli.lesson.main`."""
    from course.cli.lesson import main

    return main(lesson, argv)
