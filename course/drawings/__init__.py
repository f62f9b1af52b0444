"""How each lesson draws its pictures: one module a lesson."""
