def write(every):
    pass
