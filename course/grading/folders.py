"""Where learners' files lie."""

from course.errors import InputError
from course.files import named
from course.grading import sources


def there(path):
    """Whether there is such a path.

    Raises:
        InputError: it can have no such name, or the folder around it is closed to this account.
    """
    try:
        return named(path).exists()
    except OSError as error:
        raise InputError(f"cannot look at {path}: {error.strerror}") from None


def exercise_files(folder):
    """The files in a folder that are exercises, by name."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.suffix == ".py")
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from None
    return [path for path in inside if _is_exercise(path)]


def folders(folder):
    """The folders in a folder, hidden ones left out."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _is_exercise(path):
    try:
        if not path.is_file():
            return False
        with path.open(encoding="utf-8", errors="replace") as file:
            return sources.meant(path.stem, file.read(100_000)) is not None
    except OSError:
        return False
